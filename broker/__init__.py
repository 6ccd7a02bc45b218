"""What moves work: queues wake workers, the job store is the truth, the artifact store keeps bytes."""
