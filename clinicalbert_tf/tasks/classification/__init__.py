"""Classification of texts and pairs: settings, objective, decisions, results and the task."""
