"""Pretraining: settings, inputs, objective and the task made of them."""
