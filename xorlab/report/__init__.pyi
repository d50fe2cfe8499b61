from .page import page as page
