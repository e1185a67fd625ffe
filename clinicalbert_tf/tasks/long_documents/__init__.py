"""Documents longer than a sequence: trained on chunks, predicted and scored by document."""
