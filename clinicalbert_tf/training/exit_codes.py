"""How a training command ends, for what started it: shells, SLURM, Kubernetes."""

# Everything that was asked for is done.
DONE = 0
# An expected failure, said in one message: settings, records, checkpoints, devices, disk.
FAILED = 1
# Stopped by SIGTERM after the state was saved: started again, it resumes. The number is
# sysexits.h's EX_TEMPFAIL, "try again later".
PREEMPTED = 75
# Another worker was lost: started again on all of them, the run resumes from the last checkpoint.
WORKER_LOST = 76
# Stopped by SIGINT, saved in the same way; what shells expect of it, so that none starts it again.
INTERRUPTED = 130
