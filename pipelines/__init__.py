"""The stages chained into pipelines: with DVC, with Kubeflow Pipelines, and the `objectmate` command."""
