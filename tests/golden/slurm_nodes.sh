#!/bin/bash

# Parameters
#SBATCH --cpus-per-task=4
#SBATCH --error=FOLDER/runs/s/slurm/%j_0_log.err
#SBATCH --gpus-per-node=4
#SBATCH --job-name=litmus-s
#SBATCH --mem=64G
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --open-mode=append
#SBATCH --output=FOLDER/runs/s/slurm/%j_0_log.out
#SBATCH --partition=gpu
#SBATCH --requeue
#SBATCH --reservation=mine
#SBATCH --signal=USR2@90
#SBATCH --time=240
#SBATCH --wckey=submitit

# setup
module load cuda
export MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export MASTER_PORT=$((20000 + SLURM_JOB_ID % 20000))

# command
export SUBMITIT_EXECUTOR=slurm
srun --unbuffered --output FOLDER/runs/s/slurm/%j_%t_log.out --error FOLDER/runs/s/slurm/%j_%t_log.err --wait=60 PYTHON -u -m submitit.core._submit FOLDER/runs/s/slurm

