"""The policy `spool`: messages wait on disk until they are delivered."""
