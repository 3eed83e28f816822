"""Tables into CommerceML files that 1C takes the way they are meant."""
