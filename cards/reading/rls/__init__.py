"""What is said in a sentence around the name of restless legs syndrome."""
