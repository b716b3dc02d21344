#!/bin/bash

# Parameters
#SBATCH --array=0-4%5
#SBATCH --cpus-per-task=16
#SBATCH --error=FOLDER/runs/s/slurm/%A_%a_0_log.err
#SBATCH --gpus-per-node=4
#SBATCH --job-name=litmus-s
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --open-mode=append
#SBATCH --output=FOLDER/runs/s/slurm/%A_%a_0_log.out
#SBATCH --partition=gpu
#SBATCH --requeue
#SBATCH --signal=USR2@90
#SBATCH --time=240
#SBATCH --wckey=submitit

# setup
set +e

# command
export SUBMITIT_EXECUTOR=slurm
srun --unbuffered --output FOLDER/runs/s/slurm/%A_%a_%t_log.out --error FOLDER/runs/s/slurm/%A_%a_%t_log.err --wait=60 PYTHON -u -m submitit.core._submit FOLDER/runs/s/slurm


# teardown
status=$?
# 0: nothing is left to do. Any other job that was not cancelled starts again from its checkpoints: where it was told to
# give way, and 2 times where it failed.
if [ $status -ne 0 ]; then
    # Not $SLURM_JOB_ID, which for one task of an array is the number of the whole.
    task=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}
    failed=FOLDER/runs/s/slurm/failed_$task
    until state=$(squeue -h -j "$task" -o %T); do sleep 5; done
    if [ "$state" = RUNNING ]; then
        [ $status -eq 75 ] || echo "exit status $status" >> "$failed"
        if [ $status -eq 75 ] || [ "$(wc -l < "$failed")" -le 2 ]; then
            until scontrol requeue "$task"; do sleep 5; done
        fi
    fi
    exit $status
fi
