"""Tables and changes into a target: portal, CommerceML file, workbook."""
