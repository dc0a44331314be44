"""The handlers of the demo, one idea a file."""
