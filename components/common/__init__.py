"""What every stage stands on: datasets on disk, schemas, parameters, storage, images, models, seeds, tracking."""
