"""SavedModels and TF-Hub modules."""
