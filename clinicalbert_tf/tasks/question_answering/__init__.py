"""Question answering: settings, data, objective and the task made of them."""
