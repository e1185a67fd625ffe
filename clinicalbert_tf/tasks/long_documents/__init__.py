"""Documents longer than a sequence: trained on chunks, predicted and scored by document.

attention_vote    A vote that is learnt: which chunks count, from their vectors
counting          How many chunks a run will train on, before the run is made
cross_validation  Cross-validation by patient: each document is tested by a model that never ...
files             What a run on documents leaves beside metrics.json
objective         The loss of chunks; their vectors are kept too if a vote is learnt over them
settings          How long documents are cut and how the scores of their chunks are joined
summary           What a run on documents says at its end
task              Long documents as a task: classification of chunks, predicted and scored ...
vote_learning     Learns the attention vote, from vectors that lie in a file
voting            From the logits of chunks to one row of logits per document
"""
