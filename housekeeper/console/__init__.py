"""The console page: what runs, what is stuck and why, for whoever has a browser and no shell at hand."""
