# Writes the policy that a page has in its head (Content-Security-Policy, level 2): nothing is
# loaded, and no style sheet or script but ours works, whatever gets into the page.
#
#   cmake -DOUT=FILE "-DSTYLES=FILE;..." "-DSCRIPTS=FILE;..." -P policy.cmake

# The hash of a file as the policy wants it: base64 of SHA-256. Three hexadecimal digits are two
# of base64; the 64th stands alone, and its six bits end with two zeros.
function(hash_source file out)
	set(alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
	file(SHA256 "${file}" hex)
	set(text "")
	foreach(at RANGE 0 62 3)
		string(SUBSTRING ${hex} ${at} 3 digits)
		math(EXPR high "0x${digits} / 64")
		math(EXPR low "0x${digits} % 64")
		string(SUBSTRING ${alphabet} ${high} 1 high)
		string(SUBSTRING ${alphabet} ${low} 1 low)
		string(APPEND text ${high}${low})
	endforeach()
	string(SUBSTRING ${hex} 63 1 digits)
	math(EXPR last "0x${digits} * 4")
	string(SUBSTRING ${alphabet} ${last} 1 last)
	set(${out} "'sha256-${text}${last}='" PARENT_SCOPE)
endfunction()

set(policy "default-src 'none'; style-src")
foreach(file IN LISTS STYLES)
	hash_source(${file} source)
	string(APPEND policy " ${source}")
endforeach()
string(APPEND policy "; script-src")
foreach(file IN LISTS SCRIPTS)
	hash_source(${file} source)
	string(APPEND policy " ${source}")
endforeach()
file(WRITE ${OUT} "${policy}; base-uri 'none'; form-action 'none'")
