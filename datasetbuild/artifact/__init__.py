"""What came out, and after: the manifest, the card, and the folder that appears as a whole or not at all."""
