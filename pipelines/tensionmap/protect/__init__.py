"""Tables -> what an audience may see."""
