"""What a model gives away of the notes that it was trained on."""
