"""What a model looks at in a text: its attention, and what a classification rests on."""
