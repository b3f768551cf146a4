"""Files written whole or not at all, quiet native libraries, progress on a terminal."""
