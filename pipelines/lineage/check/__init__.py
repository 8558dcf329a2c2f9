"""`objectmate lineage check`: the same digests in manifests, dvc.lock, MLflow and Kubeflow, and on the disk.

A dataset's `digest` covers its content, and its seals cover the rest of its manifest and its code; every record holds
both. So whatever changes in one place differs from the others.
"""
