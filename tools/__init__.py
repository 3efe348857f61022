"""The project's own commands: on notebooks, pins, the browser, the site."""
