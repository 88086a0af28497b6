"""A small plugin for lines of text over TCP, which follows the contract, and others that do not."""
