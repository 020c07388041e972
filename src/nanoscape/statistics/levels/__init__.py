"""Subjects, lesions, sections: where variance lies, and what may be compared."""
