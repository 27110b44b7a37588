"""Chat templates of many families x conversations of many shapes: every mask proved, or the row refused."""
