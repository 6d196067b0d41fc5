"""How a release is made: ``make release-dry`` does all of it but publishing."""
