"""What a run is told before it starts: the profile, its dialect, what that dialect can and cannot do."""
