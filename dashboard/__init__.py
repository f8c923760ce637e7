"""Sign-in and pages in a browser, as a client of the controller. Needs the extra `dashboard`."""
