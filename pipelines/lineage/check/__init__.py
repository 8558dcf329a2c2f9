"""`objectmate lineage check`: whether manifests, dvc.lock, MLflow, Kubeflow and the disk have the same digests.

A dataset's `digest` covers its content, and its seals cover the rest of its manifest and its code; MLflow and Kubeflow
record both. So a change in one place differs from the others.
"""
