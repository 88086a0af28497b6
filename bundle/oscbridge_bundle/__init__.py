"""The program without Python: what it does beyond ``oscbridge`` for a user without a terminal."""
