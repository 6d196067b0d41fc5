"""The source supply: built from Go modules and Debian packages."""
