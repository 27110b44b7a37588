"""Facts."""

raise SystemExit(7)
