"""The view Devices."""
