"""Running a pipeline on this machine: workspaces, DVC, and Kubeflow's local runners."""
