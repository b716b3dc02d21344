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

# command
export SUBMITIT_EXECUTOR=slurm
srun --unbuffered --output FOLDER/runs/s/slurm/%A_%a_%t_log.out --error FOLDER/runs/s/slurm/%A_%a_%t_log.err --wait=60 PYTHON -u -m submitit.core._submit FOLDER/runs/s/slurm

