"""Tests of a configuration: the routes run on a simulated clock, and nothing is opened."""
