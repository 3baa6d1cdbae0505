"""What files and models say: each reader answers how the model is called as a generator."""
