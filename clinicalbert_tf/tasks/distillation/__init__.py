"""Distillation: a small model that learns from a large one, on any task of the engine."""
