"""What invented notes are made of; `tfrecords_builder.synthetic` makes them."""
