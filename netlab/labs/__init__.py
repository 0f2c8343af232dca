"""Built-in labs, as lab files."""
