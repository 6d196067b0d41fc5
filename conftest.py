"""For the tests of the pytest plugin. The plugin itself is registered by its entry point, in a checkout as anywhere."""

pytest_plugins = ["pytester"]
