"""What differs between two versions of an artifact, row by row, and why: two ledgers and two manifests compared."""
