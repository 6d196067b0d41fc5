"""What a chart's templates read: Go's template language, followed without running it."""
