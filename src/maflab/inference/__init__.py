"""From pictures of people to moving bodies: who is in a frame, how they stand, and how they move."""
