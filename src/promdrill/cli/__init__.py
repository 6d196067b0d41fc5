"""The command ``promdrill``: one thin module per subcommand."""
