#!/bin/bash
# Trains on several machines with Slurm, with one worker on each, which uses all GPUs that it gets there.
#   sbatch --nodes=4 --gpus-per-node=8 tools/cluster/slurm.sh --experiment=factor_vae-dsprites --workdir=/scratch/run
# Run it at the top of the repository; repository and workdir are on a file system that all machines see. Two minutes
# before its time is over, the job saves a checkpoint and queues itself again. It also does, up to five times, when a
# worker fails.
#SBATCH --job-name=tfvae
#SBATCH --ntasks-per-node=1
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

HOSTS=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | paste -sd ' ')
export HOSTS PORT=${PORT:-5000} PYTHON=${PYTHON:-.venv/bin/python}
code=0
# One task for each machine, in the order of the hosts: a task's rank is its worker's index.
srun bash -c 'set -e
  export TF_CONFIG=$(bash tools/cluster/tf_config.sh "$SLURM_PROCID" "$PORT" $HOSTS)
  exec "$PYTHON" -m tfvae.cli train --strategy=multi_worker "$@"' worker "$@" || code=$?

if ((code == 143 || (code != 0 && ${SLURM_RESTART_COUNT:-0} < 5))); then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
