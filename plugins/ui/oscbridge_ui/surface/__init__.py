"""The view Surface: controls on pages that all browsers share."""
