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
trap : TERM USR1 USR2
began=FOLDER/runs/s/slurm/$SLURM_JOB_ID.began
touch "$began"

# command
export SUBMITIT_EXECUTOR=slurm
srun --unbuffered --output FOLDER/runs/s/slurm/%A_%a_%t_log.out --error FOLDER/runs/s/slurm/%A_%a_%t_log.err --wait=60 --cpus-per-task=16 PYTHON -u -m litmus.cli.main work FOLDER/runs/s


# teardown
status=$?
if [ $status -eq 75 ] || [ $status -ge 128 ]; then
    job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_}${SLURM_ARRAY_TASK_ID:-$SLURM_JOB_ID}
    further="$(find FOLDER/runs/s -newer "$began" '(' -name last.ckpt -o -name summary.json -o \
        -name status.json -exec grep -q '"state": "crashed"' {} ';' ')' -print -quit)"
    if [ -z "$further" ]; then
        echo "litmus: no run came further in job $job: see its log, --slurm.time and --slurm.warning" >&2
        exit 1
    fi
    # The controller may be away for a while. A job that was cancelled or preempted is not RUNNING any more.
    for try in {1..120}; do
        state=$(squeue --noheader --job "$job" --format %T) && break
        sleep 5
    done
    if [ "$state" = RUNNING ] && ! scontrol requeue "$job"; then
        echo "litmus: SLURM refuses to start job $job again; the same command submits the rest" >&2
    fi
fi
exit $status
