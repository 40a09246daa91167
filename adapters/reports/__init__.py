"""The forms of a report: JSON, CSV, text, a page and a PDF. Equal reports give equal bytes in every form."""
