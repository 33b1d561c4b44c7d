"""The status page: HTML, style and script that ask the API what everybody may ask it, and hold nothing themselves."""
