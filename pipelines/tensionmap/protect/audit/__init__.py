"""What a person with bad intentions would try on the files of a release, tried before they do."""
